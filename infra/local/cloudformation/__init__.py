"""From the AWS template to resources, through the API calls a user would make."""

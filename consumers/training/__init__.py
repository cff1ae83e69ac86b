"""Makes the linear model's weights out of labelled texts. Uses numpy; no Lambda function imports it."""

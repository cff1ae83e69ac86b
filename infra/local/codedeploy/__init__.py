"""CodeDeploy for functions: an alias is shifted from one version to another, and back when something is wrong."""

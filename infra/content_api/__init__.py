"""The API that takes content and says what became of it: made of the contract, rendered into the template and docs."""

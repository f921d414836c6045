"""Conformance of the Azure AI Foundry v1 API's samples: what each sent, how it signed in, what it printed."""

# Replace the value of "model" with your model deployment name
curl -X POST https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/responses \
  -H "Content-Type: application/json" \
  -H "api-key: $AZURE_OPENAI_API_KEY" \
  -d '{
    "model": "gpt-4.1-nano",
    "input": "How do you say good morning in French, German and Japanese?"
  }'

# OPENAI_BASE_URL ends in a slash: https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/
# Replace the value of "model" with your model deployment name
curl -X POST "${OPENAI_BASE_URL}responses" \
  -H "Content-Type: application/json" \
  -H "api-key: $OPENAI_API_KEY" \
  -d '{
    "model": "gpt-4.1-nano",
    "input": "How do you say good morning in French, German and Japanese?"
  }'

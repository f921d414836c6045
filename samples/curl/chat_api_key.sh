# Replace the value of "model" with your model deployment name
curl -X POST https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/chat/completions \
  -H "Content-Type: application/json" \
  -H "api-key: $AZURE_OPENAI_API_KEY" \
  -d '{
    "model": "grok-3-mini",
    "messages": [
      { "role": "system", "content": "You explain things briefly, in plain words." },
      { "role": "user", "content": "How do I write a Windows path in a JSON file?" }
    ]
  }'

from azure.identity import DefaultAzureCredential, get_bearer_token_provider
from openai import OpenAI

token_provider = get_bearer_token_provider(
    DefaultAzureCredential(), "https://cognitiveservices.azure.com/.default"
)

client = OpenAI(
    base_url="https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/",
    api_key=token_provider,
)

completion = client.chat.completions.create(
    model="grok-3-mini",  # Replace with your model deployment name
    messages=[
        {"role": "system", "content": "You explain things briefly, in plain words."},
        {"role": "user", "content": "How do I write a Windows path in a JSON file?"},
    ],
)

print(completion.choices[0].message.content)

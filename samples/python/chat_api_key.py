import os

from openai import OpenAI

client = OpenAI(
    base_url="https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/",
    api_key=os.environ["AZURE_OPENAI_API_KEY"],
)

completion = client.chat.completions.create(
    model="grok-3-mini",  # Replace with your model deployment name
    messages=[
        {"role": "system", "content": "You explain things briefly, in plain words."},
        {"role": "user", "content": "How do I write a Windows path in a JSON file?"},
    ],
)

print(completion.choices[0].message.content)

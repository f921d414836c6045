import os

from openai import OpenAI

client = OpenAI(
    base_url="https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/",
    api_key=os.environ["AZURE_OPENAI_API_KEY"],
)

response = client.responses.create(
    model="gpt-4.1-nano",  # Replace with your model deployment name
    input="How do you say good morning in French, German and Japanese?",
)

print(response.output_text)

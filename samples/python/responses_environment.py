from openai import OpenAI

# Reads OPENAI_BASE_URL and OPENAI_API_KEY from the environment
client = OpenAI()

response = client.responses.create(
    model="gpt-4.1-nano",  # Replace with your model deployment name
    input="How do you say good morning in French, German and Japanese?",
)

print(response.output_text)

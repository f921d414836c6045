import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/",
  apiKey: process.env.AZURE_OPENAI_API_KEY,
});

const response = await client.responses.create({
  model: "gpt-4.1-nano", // Replace with your model deployment name
  input: "How do you say good morning in French, German and Japanese?",
});

console.log(response.output_text);

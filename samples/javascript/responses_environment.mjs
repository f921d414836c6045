import OpenAI from "openai";

// Reads OPENAI_BASE_URL and OPENAI_API_KEY from the environment
const client = new OpenAI();

const response = await client.responses.create({
  model: "gpt-4.1-nano", // Replace with your model deployment name
  input: "How do you say good morning in French, German and Japanese?",
});

console.log(response.output_text);

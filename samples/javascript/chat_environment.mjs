import OpenAI from "openai";

// Reads OPENAI_BASE_URL and OPENAI_API_KEY from the environment
const client = new OpenAI();

const completion = await client.chat.completions.create({
  model: "grok-3-mini", // Replace with your model deployment name
  messages: [
    { role: "system", content: "You explain things briefly, in plain words." },
    { role: "user", content: "How do I write a Windows path in a JSON file?" },
  ],
});

console.log(completion.choices[0].message.content);

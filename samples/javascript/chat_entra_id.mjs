import {
  DefaultAzureCredential,
  getBearerTokenProvider,
} from "@azure/identity";
import OpenAI from "openai";

const tokenProvider = getBearerTokenProvider(
  new DefaultAzureCredential(),
  "https://cognitiveservices.azure.com/.default",
);

const client = new OpenAI({
  baseURL: "https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/",
  apiKey: tokenProvider,
});

const completion = await client.chat.completions.create({
  model: "grok-3-mini", // Replace with your model deployment name
  messages: [
    { role: "system", content: "You explain things briefly, in plain words." },
    { role: "user", content: "How do I write a Windows path in a JSON file?" },
  ],
});

console.log(completion.choices[0].message.content);

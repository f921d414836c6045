import json
import os
from urllib.request import Request, urlopen

question = {"model": "gpt-4.1-nano", "input": "How do you say good morning in French, German and Japanese?"}
request = Request(
    "https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/responses",
    data=json.dumps(question).encode(),
    headers={"content-type": "application/json", "api-key": os.environ["AZURE_OPENAI_API_KEY"]},
)
answer = json.load(urlopen(request))
text = answer["output"][0]["content"][0]["text"]
print(text)

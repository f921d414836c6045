import json
import os
from urllib.parse import urlencode
from urllib.request import Request, urlopen

tenant = os.environ["AZURE_TENANT_ID"]
form = {
    "grant_type": "client_credentials",
    "client_id": os.environ["AZURE_CLIENT_ID"],
    "client_secret": os.environ["AZURE_CLIENT_SECRET"],
    "scope": "https://cognitiveservices.azure.com/.default",
}
address = f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
token = json.load(urlopen(address, urlencode(form).encode()))["access_token"]

question = {"model": "gpt-4.1-nano", "input": "How do you say good morning in French, German and Japanese?"}
request = Request(
    "https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/responses",
    data=json.dumps(question).encode(),
    headers={"content-type": "application/json", "Authorization": f"Bearer {token}"},
)
answer = json.load(urlopen(request))
print(answer["output"][0]["content"][0]["text"])

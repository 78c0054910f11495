"""A Celery application that made a call before its worker forks."""

import os

import requests
from celery import Celery

from requests_cc import ClientCredentials, ClientCredentialsAdapter, mount

folder = os.environ["CELERY_FOLDER"]
queue = {"data_folder_in": f"{folder}/queue", "data_folder_out": f"{folder}/queue"}
app = Celery("orders", broker="filesystem://", backend=f"file://{folder}/results")
app.conf.update(broker_transport_options=queue, worker_send_task_events=True)

url = os.environ["API_URL"]
session = requests.Session()
mount(session, ClientCredentialsAdapter(ClientCredentials.from_env(), origins=url))
session.get(url).raise_for_status()


@app.task(name="orders.call")
def call(number: int) -> str:
    response = session.put(f"{url}{number}", data=b"whole", timeout=5)
    response.raise_for_status()
    return response.json()["path"]

"""zeep: SOAP calls, and the download of the WSDL, over a session with the adapter."""

from __future__ import annotations

import requests

from .front import Front
from .journey import Journey
from .packages import needed

zeep = needed("zeep", "zeep")

WSDL = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:orders"
  xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
  name="Orders" targetNamespace="urn:orders">
  <message name="In"><part name="count" type="xsd:int"/></message>
  <message name="Out"><part name="total" type="xsd:int"/></message>
  <portType name="Port"><operation name="Order"><input message="t:In"/><output message="t:Out"/>
  </operation></portType>
  <binding name="Binding" type="t:Port">
    <soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Order"><soap:operation soapAction="urn:orders#Order"/>
      <input><soap:body use="literal" namespace="urn:orders"/></input>
      <output><soap:body use="literal" namespace="urn:orders"/></output></operation>
  </binding>
  <service name="Service"><port name="Port" binding="t:Binding">
    <soap:address location="ADDRESS"/></port></service>
</definitions>"""
ENVELOPE = b"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<o:OrderResponse xmlns:o="urn:orders"><total>7</total></o:OrderResponse></s:Body></s:Envelope>"""


def test_wsdl_and_calls_carry_tokens(journey: Journey) -> None:
    answers: dict[str, tuple[str, bytes]] = {"/soap": ("text/xml", ENVELOPE)}
    with Front(journey.server, answers) as front:
        answers["/wsdl"] = ("text/xml", WSDL.replace("ADDRESS", f"{front.url}/soap").encode())
        session = journey.mounted(requests.Session(), origins=front.url)
        client = zeep.Client(f"{front.url}/wsdl", transport=zeep.Transport(session=session))

        def call(number: int) -> None:
            assert client.service.Order(number) == 7

        journey.assert_whole(call)

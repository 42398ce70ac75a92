"""The OpenAPI document of the HTTP API, made of the models that validate, and the page that shows it.

Each view says beside itself what it takes and answers (`web.openapi.describing.describes`); `document` puts that together with
the routes of the app. It routes nothing and validates nothing: the views do that, and tests hold every answer against the document.
"""

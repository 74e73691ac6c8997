"""The review page: a web application for the people who decide what the machine only suspects."""

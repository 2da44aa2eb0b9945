"""The Eloqua API client: `sites` for credentials, `client` for requests, `discovery` for sign-in.

Nothing is imported here, so that reading a site's settings does not load the HTTP library.
"""

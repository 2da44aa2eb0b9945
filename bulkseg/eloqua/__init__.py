"""The Eloqua API client: `sites` for credentials, `client` for requests, `discovery` for where and who.

`sources` are where values come from; `auth` is what a request shows, `oauth` how tokens are asked for,
`tokens` the file that keeps them, `login` the sign-in of a person; `transport` is the HTTP below.

Nothing is imported here, so that reading a site's settings does not load the HTTP library.
"""

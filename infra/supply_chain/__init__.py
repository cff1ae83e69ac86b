"""``make audit``: known vulnerabilities, risky code, licences, the template, the bundle's parts and its target.

Each step passes, fails, or says that it did not run and why; none is silent.
"""

//! Kluctl's Jinja2 dialect: its filters, functions and loader.

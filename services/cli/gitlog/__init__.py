"""A git repository's history → people, achievements, thank-you notes and firsts."""

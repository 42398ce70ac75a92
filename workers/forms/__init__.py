"""The forms in which a transcript and its notes are read: a file a form, each a pure function from JSON to text or bytes.

Nothing here knows of jobs, storage or Redis; a form's library is imported when the form is made. The same input gives the same
bytes, today and another day: no form holds the time at which it was made (docs/decisions/0098).
"""

"""What OpenAI's client libraries speak: transcriptions and the list of models, on the jobs that everything here is."""

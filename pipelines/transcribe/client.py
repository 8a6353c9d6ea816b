"""`Client.transcribe`: recordings to a model server, typed results back."""

from .inputs import gather_recordings, wav_bytes
from .results import OUTPUTS, transcripts, with_errors

_PART = 16  # recordings read and sent at a time by a client without a limit


def transcribe(client, recordings, model, *, version=None, label=None, timeout=None):
    """Transcribes recordings by a served model.

    They are read and sent in parts of the client's `batch_size`.

    Args:
        client: An `amalthea.serving.Client`.
        recordings: Files in any format that libsndfile reads, folders, glob patterns
            or WAV files as `bytes`; one or a list of them.
        model: The model's name on the server.
        version: Its version; what the server chooses if not given.
        label: The label of a version, e.g. `"stable"`.
        timeout: How long one part may take, in seconds; `None` is the client's.

    Returns:
        A list of `Transcript`, as `SpeechRecognition.predict` gives.

    Raises:
        UserError: if a file is missing.
        InvalidArgument: if the model is no speech recogniser: the text names the
            inputs or outputs that it lacks.
        ServerError: if the request failed otherwise.
    """
    sources = gather_recordings(recordings)
    size = client.batch_size or _PART
    results = []
    for first in range(0, len(sources), size):
        names, part = zip(*sources[first : first + size], strict=True)
        contents, errors = zip(*map(wav_bytes, part), strict=True)
        answers = client.predict(
            model,
            {"wav_bytes": list(contents)},
            version=version,
            label=label,
            outputs=list(OUTPUTS),
            timeout=timeout,
        )
        results += with_errors(transcripts(names, answers), errors)
    return results

"""What the folder of models is for those who write it and those who serve it."""

CONFIG_FILE = "models.config"
PLATFORM = "tensorflow"
CONTAINER_ROOT = "/models"  # where the image of TensorFlow Serving has the models
METRICS_PATH = "/monitoring/prometheus/metrics"


def wanted_versions(policy, versions):
    """Chooses the versions to serve.

    Args:
        policy: A `ServableVersionPolicy`; where it says nothing, the latest one.
        versions: Those that there are, rising.

    Returns:
        A list of them, rising.
    """
    versions = list(versions)
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return versions
    if choice == "specific":
        return [version for version in versions if version in policy.specific.versions]
    return versions[-max(policy.latest.num_versions, 1) :]

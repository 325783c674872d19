"""What can go wrong in training; part of the appliance's tree of errors."""

from appliance.errors import ApplianceError


class TrainingError(ApplianceError):
    """A training cannot start or go on."""


class DataError(TrainingError, ValueError):
    """The training data is missing, damaged, or not what its name says."""


class CheckpointError(TrainingError, ValueError):
    """An interrupted training cannot be continued from what it left."""

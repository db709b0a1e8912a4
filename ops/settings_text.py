"""How are settings explained? The table of the docs, and the line that says what is wrong with one."""

from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

_PREFIX = "NEXUS_"


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One line of the table."""

    variable: str
    default: str
    description: str


def variable_of(name: str, field: FieldInfo) -> str:
    """The environment variable of a field."""
    return field.validation_alias if isinstance(field.validation_alias, str) else f"{_PREFIX}{name.upper()}"


def table(model: type[BaseModel]) -> list[SettingRow]:
    """All settings in the order of the class."""
    return [
        SettingRow(variable_of(name, field), _shown_default(field.default), field.description or "")
        for name, field in model.model_fields.items()
    ]


def complaint(error: ValidationError, model: type[BaseModel]) -> str:
    """One line on the first thing that is wrong. Never shows the value: it may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    reason = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{reason}."
    where = str(first["loc"][0])
    for name, field in model.model_fields.items():
        if where.lower() in {name, variable_of(name, field).lower()}:
            return f"{variable_of(name, field)} cannot be used: {_sentence(reason)} It is: {field.description}"
    return f"{where}: {_sentence(reason)}"


def _shown_default(default: object) -> str:
    match default:
        case None | ():
            return ""
        case tuple():
            return ", ".join(default)
        case bool():
            return str(default).lower()
        case float():
            return f"{default:g}"
        case _:
            return str(default)


def _sentence(reason: str) -> str:
    return f"{reason[0].lower()}{reason[1:].rstrip('.')}."

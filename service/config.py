"""The service's configuration: one YAML file, overridden by the environment.

Every field can be set as ``ANONYNOISE_<FIELD>``, nested ones with ``__`` between
(``ANONYNOISE_LIMITS__UPLOAD_BYTES``). Least power is checked here: a service that listens
on anything but loopback has tokens, or does not start.
"""

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from models.audit import Suite
from service.address import Address, CameraUrl

Scope = Literal["read", "admin"]

CameraId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Pixels = Annotated[int, Field(ge=1, le=8192)]


class ConfigError(ValueError):
    """A configuration that cannot be used, in one line that names the field."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CameraConfig(_Part):
    """One camera: an id, where it is, and its sensor where the stream does not say it."""

    id: CameraId
    url: Annotated[str, Field(max_length=1024)]
    width: Pixels | None = None
    height: Pixels | None = None
    enabled: bool = True

    @field_validator("url")
    @classmethod
    def _known_url(cls, url: str) -> str:
        CameraUrl.parse(url)
        return url


class TlsConfig(_Part):
    """Certificate chain and private key, both PEM."""

    certificate: Path
    key: Path


class Limits(_Part):
    """Bounds on everything that grows with what a peer sends or does not read."""

    cameras: Annotated[int, Field(ge=1)] = 32
    subscribers: Annotated[int, Field(ge=1)] = 512
    uploads: Annotated[int, Field(ge=1)] = 2
    upload_bytes: Annotated[int, Field(ge=1)] = 128 << 20
    window_bytes: Annotated[int, Field(ge=1)] = 64 << 20
    camera_queue: Annotated[int, Field(ge=1, le=1024)] = 8
    subscriber_queue: Annotated[int, Field(ge=1, le=1024)] = 8
    shutdown_s: Annotated[float, Field(gt=0)] = 5.0
    #: How long an upload may not go on, and its answer not be read, before its place is freed.
    stall_s: Annotated[float, Field(gt=0)] = 30.0


class RecordConfig(_Part):
    """Anonymized windows on disk: where, and how much of them is kept."""

    folder: Path
    max_bytes: Annotated[int, Field(ge=1 << 20)] = 10 << 30
    max_age_s: Annotated[float, Field(gt=0)] = 7 * 86_400.0
    file_bytes: Annotated[int, Field(ge=1 << 16)] = 256 << 20


class AuditLimits(_Part):
    """What the service asks of an audit beside the audit's own limits.

    In percent, of the upper bound of the worst attack of which there were enough people to tell;
    and how much must have been tried.
    """

    #: Points above what guessing scores.
    over_chance: Annotated[float, Field(ge=0, le=100)] | None = None
    top1: Annotated[float, Field(ge=0, le=100)] | None = None
    #: The shortest that counts.
    suite: Suite | None = None


class AuditConfig(_Part):
    """What the service does about the model's audit.

    ``required``: without a passing one nothing is published. ``warn``: it is shown. ``off``: it
    is not looked at.
    """

    policy: Literal["required", "warn", "off"] = "warn"
    #: PEM, of the key that the audit job signs with.
    public_key: Path | None = None
    max_age_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 3 * 86_400.0
    limits: AuditLimits = AuditLimits()

    @field_validator("policy", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        # YAML reads a bare off as false.
        return "off" if value is False else value

    @field_validator("public_key", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        # A variable of the environment that is set and empty, as compose leaves one.
        return None if value == "" else value

    @model_validator(mode="after")
    def _verifiable(self) -> "AuditConfig":
        if self.policy == "required" and self.public_key is None:
            raise ValueError("policy required needs public_key: nothing could be verified")
        return self


class Config(BaseSettings):
    """Everything the service is told at start."""

    model_config = SettingsConfigDict(
        env_prefix="ANONYNOISE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    listen: str = "127.0.0.1:8080"
    model: str = "default"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=1, le=256)] | None = None
    read_token: SecretStr | None = None
    admin_token: SecretStr | None = None
    tls: TlsConfig | None = None
    cameras: Annotated[tuple[CameraConfig, ...], NoDecode] = ()
    recordings: Path | None = None
    record: RecordConfig | None = None
    audit: AuditConfig = AuditConfig()
    #: Classifiers, by task, name or folder; the first that was made for the model is used.
    recognizers: Annotated[tuple[str, ...], NoDecode] = ()
    limits: Limits = Limits()
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("cameras", mode="before")
    @classmethod
    def _cameras_in_one_line(cls, value: Any) -> Any:
        """``id=url,id=url``, as the environment variable has it."""
        if not isinstance(value, str):
            return value
        cameras = []
        for part in filter(None, (piece.strip() for piece in value.split(","))):
            camera_id, equals, url = part.partition("=")
            if not equals:
                raise ValueError(f"{part!r} is not id=url")
            cameras.append({"id": camera_id.strip(), "url": url.strip()})
        return cameras

    @field_validator("allowed_hosts", "recognizers", mode="before")
    @classmethod
    def _names_in_one_line(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return [name for piece in value.split(",") if (name := piece.strip())]

    @field_validator("read_token", "admin_token")
    @classmethod
    def _long_enough(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and len(token.get_secret_value()) < 16:
            raise ValueError("a token has at least 16 characters")
        return token

    @model_validator(mode="after")
    def _least_power(self) -> "Config":
        address = Address.parse(self.listen)
        if not is_loopback(address.host) and not (self.read_token or self.admin_token):
            raise ValueError(
                f"listen {self.listen} is reachable from other machines: set admin_token and "
                "read_token (ANONYNOISE_ADMIN_TOKEN, ANONYNOISE_READ_TOKEN), or listen on 127.0.0.1"
            )
        if (
            self.read_token
            and self.admin_token
            and self.read_token.get_secret_value() == self.admin_token.get_secret_value()
        ):
            raise ValueError("admin_token must differ from read_token")
        for name, of in (("id", [c.id for c in self.cameras]), ("url", self._camera_places())):
            if len(set(of)) != len(of):
                raise ValueError(f"cameras: two cameras have the same {name}")
        return self

    def _camera_places(self) -> list[str]:
        return [CameraUrl.parse(camera.url).place for camera in self.cameras]

    @property
    def address(self) -> Address:
        """Where the service listens."""
        return Address.parse(self.listen)


def is_loopback(host: str) -> bool:
    """Whether ``host`` can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_config(path: Path | None = None, **overrides: Any) -> Config:
    """The configuration of file ``path`` (default: ``$ANONYNOISE_CONFIG``) and environment.

    ``overrides`` come from the command line and win over both.
    Raises :class:`ConfigError` in one line that names the file and the field.
    """
    if path is None and os.environ.get("ANONYNOISE_CONFIG"):
        path = Path(os.environ["ANONYNOISE_CONFIG"])
    values = _read_yaml(path) if path else {}

    class Loaded(Config):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, values)

    try:
        return Loaded(**overrides)
    except ValidationError as error:
        place = f"{path}" if path else "configuration"
        raise ConfigError(f"{place}: {first_problem(error)}") from None


def first_problem(error: ValidationError) -> str:
    """A validation error in one line: the field, and what is wrong with it."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    problem = first["msg"].removeprefix("Value error, ")
    return f"{field}: {problem}" if field else problem


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise ConfigError(f"{path}: {reason}") from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise ConfigError(f"{path}:{line} not valid YAML") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{path}: the top level must be a table of settings")
    return values

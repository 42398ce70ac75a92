"""Every setting, from the environment (and `.env` in development). One class, read once per process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobs import faults
from jobs.errors import Misconfigured

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
ZONE = re.compile(r"[a-z0-9_]{1,32}")
RATE = re.compile(r"[1-9][0-9]{0,6}/[1-9][0-9]{0,6}")


OPENS_AS = {
    "quality": "inspect",
    "read": "inspect",
}  #: engine → whose zone it shares unless it is bound itself: files that nobody has looked into


class Quota(NamedTuple):
    name: str
    runs: int
    seconds: float  #: in which so many runs may begin


class Settings(BaseSettings):
    """Field names in capitals are the environment's names; the descriptions are docs/settings.md."""

    model_config = SettingsConfigDict(env_file=".env", env_prefix="", extra="ignore", case_sensitive=False)

    # where state and files live
    redis_url: str = Field("", description="redis://, rediss:// or unix:// of the Redis to use; empty: an embedded one")
    job_backend: Literal["", "embedded", "redis"] = Field("", description="embedded or redis; empty: redis when REDIS_URL is set")
    key_prefix: str = Field("app", pattern=r"^[a-z0-9_]{1,20}$", description="prefix of every key that is not RQ's")
    storage_url: str = Field("", description="file:///folder or s3://bucket/prefix for files; empty: `storage` in the data folder")
    data_dir: str = Field("var", description="folder of the embedded Redis, the local storage and the admin's first token")
    secret_key: SecretStr = Field(SecretStr(""), description="signs cookies and links; empty: made on first start, kept in the data folder")

    # the web
    port: int = Field(8000, ge=0, le=65535, description="port of the web server")
    allowed_hosts: str = Field(
        "",
        description="hosts the web answers for besides localhost, 127.0.0.1 and [::1], with commas, .example.org with all below it; "
        "*: any; empty: any, but none besides where `scripts.serve` listens on this machine alone",
    )
    web_concurrency: int = Field(1, ge=1, description="web processes, each with WEB_THREADS threads")
    web_threads: int = Field(16, ge=1, description="threads of a web process; an upload or download takes one for as long as it lasts")
    base_url: str = Field(
        "", pattern=r"^(https?://[^\s?#]+)?$", description="address of the web as others reach it, for what is told elsewhere; empty: paths"
    )
    callback_private_addresses: bool = Field(
        False, description="whether callbacks may go to addresses that are not public: of this machine, of the network around it"
    )
    max_upload_bytes: int = Field(2_000_000_000, ge=1, description="largest upload, in bytes")
    max_audio_seconds: float = Field(6 * 3600, gt=0, description="longest recording, in seconds")
    max_requests_per_minute: int = Field(600, ge=0, description="requests that a user may make in a minute; 0: any number")
    max_upload_bytes_per_day: int = Field(20_000_000_000, ge=0, description="bytes that a user may upload a day (UTC); 0: any number")
    max_audio_minutes_per_day: int = Field(
        1200, ge=0, description="minutes of recordings that a user may submit a day (UTC), those checked by quality included; 0: any number"
    )
    openai_wait_seconds: float = Field(
        25, ge=0, le=3600, description="seconds that POST /v1/audio/transcriptions waits for its job before it hands that out"
    )
    max_tasks: int = Field(1000, ge=1, le=1000, description="most tasks of a job")
    max_batch_jobs: int = Field(1000, ge=1, description="most jobs that one batch may submit")
    max_children: int = Field(2000, ge=1, le=2000, description="most children of a task")
    max_output_bytes: int = Field(65_536, ge=1024, description="largest output handed on through Redis; larger ones lie in storage")
    retention_days: float = Field(
        30,
        gt=0,
        description="days after which what has ended is deleted, with its files: jobs, RQ's entries of failed tasks, partial results",
    )
    upload_ttl_seconds: int = Field(86_400, ge=60, description="seconds that an upload no job has used is kept")

    # workers
    lease_seconds: float = Field(15, ge=1, description="seconds a run may be silent before another worker takes its task")
    renew_seconds: float = Field(5, gt=0, description="seconds between renewals of a lease; at most half of LEASE_SECONDS, better a third")
    drain_seconds: float = Field(20, gt=0, description="seconds a run may take to hand its task back on a deploy")
    max_tasks_per_claim: int = Field(8, ge=1, le=32, description="brief tasks that a worker takes at once; 1: never more than one")
    max_tasks_per_horse: int = Field(0, ge=0, description="tasks after which a worker starts afresh; 0: never")
    max_horse_megabytes: int = Field(0, ge=0, description="memory after which a worker starts afresh between tasks; 0: never")
    rq_functions: str = Field("", description="functions that plain RQ jobs may call, dotted, with commas; empty: none")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    # which task next
    fair_order: Literal["priority,chained", "chained,priority"] = Field(
        "priority,chained", description="what comes first in a queue: priority,chained or chained,priority"
    )
    zones: str = Field("", description="engines that run in a zone of their own, as in inspect=ingest,transcribe=gpu")
    quotas: str = Field("", description="runs that a service outside allows an engine, as in gemini=15/60: 15 runs each 60 s")

    # transcription
    whisper_model: str = Field("small", description="a model name that faster-whisper downloads, or a folder")
    whisper_device: str = Field("cpu", description="cpu, cuda or auto")
    whisper_compute_type: str = Field("int8", description="CTranslate2 compute type: int8, float16, float32, default …")
    whisper_threads: int = Field(0, ge=0, description="threads of one transcription; 0: as many as cores, at most 4")
    chunk_seconds: float = Field(300, gt=0, le=300, description="longest chunk of a recording, in seconds; cut in silence")
    diarization_model_dir: str = Field(
        "", description="folder with the models of sherpa-onnx that tell speakers apart; empty: a light built-in way"
    )
    diarization_threshold: float = Field(
        0.5,
        gt=0,
        lt=2,
        description="how far apart two voices are to DIARIZATION_MODEL_DIR's models when they are two speakers; higher: fewer speakers",
    )

    # Gemini
    gemini_api_key: SecretStr = Field(
        SecretStr(""), description="key of the Gemini API; empty: notes are made offline, clean-up is skipped"
    )
    gemini_model: str = Field("gemini-2.5-flash", description="model that cleans up and writes notes")
    gemini_endpoint: str = Field("", description="address of the Gemini API, for a proxy or a test; empty: Google's own")
    gemini_sdk: Literal["google-generativeai", "google-genai"] = Field(
        "google-generativeai", description="which of Google's libraries to use: google-generativeai or its successor google-genai"
    )
    third_parties: Literal["", "gemini"] = Field(
        "", description="whom content may be sent to: gemini; empty: nobody, and steps that would are skipped"
    )

    # quality
    quality_processes: int = Field(
        0,
        ge=0,
        le=64,
        description="recordings that a quality check listens to at once, 150 MB each; 0: one a core, at most 4",
    )

    # Below the 60 s after which a run that says nothing is taken for dead (workers/engines).
    probe_seconds: int = Field(20, ge=1, le=50, description="seconds the probe of an uploaded file may take; at most 50")
    probe_megabytes: int = Field(1024, ge=128, description="address space of the probe of an uploaded file, in MB")

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, level: Any) -> Any:
        return level.upper() if isinstance(level, str) else level

    @field_validator("zones")
    @classmethod
    def _zones_are_named(cls, text: str) -> str:
        pairs(text, ZONE, "engine=zone, as in inspect=ingest,transcribe=gpu")
        return text

    @field_validator("quotas")
    @classmethod
    def _quotas_are_rates(cls, text: str) -> str:
        pairs(text, RATE, "engine=runs/seconds, as in gemini=15/60")
        return text

    def zone_of(self, engine: str) -> str:
        """Return the zone that ZONES binds an engine to, or "" for none."""
        return self.zone_by_engine.get(engine, "")

    @property
    def zone_by_engine(self) -> Mapping[str, str]:
        """The zone of each engine that is bound to one, by ZONES or with the engine whose zone it shares."""
        bound = dict(pairs(self.zones, ZONE, ""))
        return {engine: bound[other] for engine, other in OPENS_AS.items() if other in bound} | bound

    @property
    def bound_zones(self) -> tuple[str, ...]:
        """The zones that ZONES names, each once."""
        return tuple(dict.fromkeys(zone for _, zone in pairs(self.zones, ZONE, "")))

    def quota_of(self, name: str) -> Quota | None:
        """Return the quota that QUOTAS gives under a name, if it does."""
        rate = dict(pairs(self.quotas, RATE, "")).get(name)
        if rate is None:
            return None
        runs, _, seconds = rate.partition("/")
        return Quota(name, int(runs), float(seconds))

    @model_validator(mode="after")
    def _lease_outlives_a_renewal(self) -> Self:
        if self.renew_seconds > self.lease_seconds / 2:
            raise ValueError(
                f"RENEW_SECONDS={self.renew_seconds:g} is more than half of LEASE_SECONDS={self.lease_seconds:g}: "
                f"set RENEW_SECONDS to {self.lease_seconds / 3:g}, or LEASE_SECONDS to {self.renew_seconds * 3:g}"
            )
        return self


def pairs(text: str, value: re.Pattern[str], form: str) -> tuple[tuple[str, str], ...]:
    """Return the pairs of `name=value,name=value`. Raises ValueError that shows the form."""
    found = [item.strip() for item in text.split(",") if item.strip()]
    wrong = [item for item in found if not (NAME.fullmatch(item.partition("=")[0]) and value.fullmatch(item.partition("=")[2]))]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not of the form {form}")
    return tuple((item.partition("=")[0], item.partition("=")[2]) for item in found)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings. Raises Misconfigured that names what does not fit. Tests clear it with `settings.cache_clear()`."""
    try:
        return Settings()
    except ValidationError as error:
        raise Misconfigured("; ".join(sentence(wrong) for wrong in error.errors())) from None


def sentence(wrong: Any) -> str:
    """Say which setting pydantic refused, and why; what is wrong between two of them names both by itself."""
    if not wrong["loc"]:
        return str(wrong["ctx"]["error"])
    return f"setting {str(wrong['loc'][0]).upper()}: {faults.sentence(wrong)}, not {wrong['input']!r}"

"""Kedro's configuration of this project: environments with data of their own, parameters as specifications."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from kedro.config import OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines
from kedro.validation import ParameterValidator
from omegaconf import OmegaConf

from alignment_pretraining.core.environments import check_environment, data_folder, environment_folder
from alignment_pretraining.core.yaml_files import read_yaml

if TYPE_CHECKING:
    from alignment_pretraining.parameters import Parameters


class EnvironmentConfigLoader(OmegaConfigLoader):
    """Kedro's loader. `${data:}` in a catalog is the folder of what the environment's pipelines make; `${environment:}`
    is the environment's own folder, above it.

    Files are first read as what a user may have got wrong: Kedro's own errors name neither file nor way out.
    """

    _checked = False

    def __getitem__(self, key: str) -> dict[str, Any]:
        # Resolvers are the whole process's, which may read several environments in turn.
        OmegaConf.register_new_resolver("data", lambda: data_folder(self.env).as_posix(), replace=True)
        OmegaConf.register_new_resolver("environment", lambda: environment_folder(self.env).as_posix(), replace=True)
        if not self._checked:
            check_environment(Path(self.conf_source), self.env)
            for folder in dict.fromkeys((self.base_env, self.env or self.default_run_env)):
                for file in sorted(Path(self.conf_source, folder).rglob("*.yml")):
                    read_yaml(file)
            self._checked = True
        found = super().__getitem__(key)
        if key == "parameters":  # read and merged once: it takes a while, and hooks ask for them, too
            self[key] = found
        return found

    def specifications(self) -> "Parameters":
        """The environment's parameters, validated.

        Raises:
            UserError: names each wrong key and the file in which it stands.
        """
        from alignment_pretraining.parameters import read_parameters

        conf = Path(self.conf_source)
        return read_parameters(self["parameters"], conf, self.env, self.runtime_params)


class StudyContext(KedroContext):
    """Kedro's context; nodes are given `Parameters`, of which `config_loader["parameters"]` has the plain values.

    Kedro itself builds what the annotations of nodes ask for, one key after the other. It cannot where nodes read both
    `params:study` and a part of it, and its messages name no file. Here everything is built at once before, and
    Kedro finds the objects where its annotations expect them.

    The pipelines are built from the study of the context that was made last: kedro-viz makes one and calls no hooks.
    """

    latest: ClassVar["StudyContext | None"] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        StudyContext.latest = self

    @cached_property
    def specifications(self) -> "Parameters":
        """The parameters of the environment and the command line, validated."""
        assert isinstance(self.config_loader, EnvironmentConfigLoader)
        return self.config_loader.specifications()

    @property
    def params(self) -> dict[str, Any]:
        """The specification under each top-level key, checked against the annotations of all nodes."""
        return ParameterValidator(dict(pipelines)).validate_raw_params(self.specifications.by_key())

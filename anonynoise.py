"""The command line ``anonynoise``: a list of commands, each loaded when it is called."""

import importlib

import click

#: name -> (module whose ``command`` it is, or module:name; one line for the list)
COMMANDS = {
    "serve": ("service.commands.serve:command", "Read cameras, serve anonymized windows."),
    "demo": ("service.commands.demo:command", "A camera stand-in, the service and a consumer."),
    "info": ("service.commands.info:command", "Say what a recording holds."),
    "anonymize": ("service.commands.anonymize:command", "Anonymize a recording into a file."),
    "replay": (
        "service.commands.replay:command",
        "Play a recording as a DV camera on the network.",
    ),
    "camera": ("service.commands.camera:command", "Serve a USB camera over the DV protocol."),
    "watch": ("service.commands.watch:command", "Watch a service from a terminal."),
    "models": ("models.commands:models", "List, show and verify models."),
    "audit-key": ("models.audit_key:command", "Make the keys that sign and verify audits."),
    "enrol": (
        "training.enrolment.command:enrol",
        "Record consenting people, encrypted, for the audit.",
    ),
    "simulate": ("training.simulator.command:command", "Make synthetic, labelled recordings."),
    "train": ("training.commands:train", "Train anonymizers and attack them."),
    "audit": ("training.audit.command:command", "Attack a model as it is deployed."),
    "audit-trial": (
        "training.audit.trial_command:command",
        "Audit models of which it is known whether they leak.",
    ),
    "export": ("training.export_commands:export", "Write a model folder: ONNX file and manifest."),
    "bench": ("service.commands.bench:command", "Measure speed, each figure beside its floor."),
}


class LazyGroup(click.Group):
    """Imports a command's module only when that command is called, or asked about."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the list's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command ``name``, imported now."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="anonynoise-edge", prog_name="anonynoise")
def main() -> None:
    """Anonymize event cameras: raw events in, anonymized windows out, nothing else leaves."""


if __name__ == "__main__":
    main()

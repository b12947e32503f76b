"""Get the answers of a night's candidates: from the answer cache, or by running the model in a
child process.

Only the child loads torch. If it is killed, the next try continues after its last complete batch.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import touchline
from flows.nightly import ask_process
from flows.nightly.answers import AnswersByAuthor, load_night_answers
from flows.nightly.session import NightSession
from flows.runs import supervised
from flows.runs.run_model import RunModel
from flows.runs.terminal import TQDM_BAR
from flows.services import environment
from touchline.errors import InputError

FLOORS = "floors"  # the step of those that need no model
PROCESS_RESULT = ".asked.parquet"  # what a process hands back; a lock lets but one of them run


def answer_floors(session: NightSession) -> AnswersByAuthor:
    """Answers of the floors that need no model. They are computed anew each time,
    which is quick.
    """
    return ask_process.answer_benchmark(
        session.pinned_benchmark,
        ask_process.choose_modelless_floors(session.pinned_benchmark),
        None,
    )


def get_model_answers(
    session: NightSession, model: RunModel, say: Callable[[str], None], alone: bool = False
) -> AnswersByAuthor:
    """Answers of a model and, unless `alone`, of the floors that use this model. Raises an input
    error if the model could not be run.
    """
    folder, candidates = (
        session.restore_model(model),
        ask_process.choose_model_and_floors(session.pinned_benchmark, alone),
    )
    if ask_process.has_cached_answers(session.pinned_benchmark, candidates, folder):
        return ask_process.answer_benchmark(session.pinned_benchmark, candidates, folder)
    return _ask_in_process(session, model, folder, say, alone)


def has_stored_answers(session: NightSession, model: RunModel) -> bool:
    """Whether all of the model's own answers are in the answer cache. False if its weights cannot
    be restored.
    """
    try:
        folder = session.restore_model(model)
    except InputError:
        return False
    return ask_process.has_cached_answers(
        session.pinned_benchmark,
        ask_process.choose_model_and_floors(session.pinned_benchmark, alone=True),
        folder,
    )


def _ask_in_process(
    session: NightSession, model: RunModel, folder: Path, say: Callable[[str], None], alone: bool
) -> AnswersByAuthor:
    result_file = session.folder / "answers" / PROCESS_RESULT
    result_file.unlink(missing_ok=True)
    argv = [
        sys.executable,
        "-m",
        "flows.nightly.ask_process",
        "--benchmark",
        str(session.pinned_benchmark.folder),
    ]
    argv += ["--model", str(folder), "--answers", str(result_file), *(["--alone"] if alone else [])]
    env = environment.build_stage_environment(session.root, Path(touchline.__file__).parents[2], {})
    process_log = AskProcessLog(session.log, say)
    outcome = supervised.run_supervised(argv, session.root, env, process_log, [session.lock])
    if outcome.status or not result_file.is_file():
        raise process_log.error(model.name, outcome.status)
    rows = load_night_answers(result_file)
    result_file.unlink()
    return rows


class AskProcessLog:
    """Callback for the output lines of the answering process: logs each one, passes it on to `say`
    and remembers the last for the error message.
    """

    def __init__(self, log: Path, say: Callable[[str], None]) -> None:
        self.log, self.say, self.last_line = log, say, ""

    def __call__(self, line: str) -> None:
        line = TQDM_BAR.sub("", line.split("\r")[-1]).rstrip()
        if not line:
            return
        with self.log.open("a") as stream:
            stream.write(f"{line}\n")
        self.last_line = line
        self.say(line)

    def error(self, name: str, status: int) -> InputError:
        wrong = self.last_line.removeprefix("error: ") or f"ended with status {status}"
        return InputError(name, f"could not be asked ({wrong})", f"see {self.log.name}")

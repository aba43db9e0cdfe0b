"""Expected failures that meet an operator: at the start, in commands and in files to import."""

from portal.rules.problem import Problem


class ConfigurationInvalid(Problem):
    """The configuration is not right. Nothing was started; each line names a setting to correct."""

    code = "configuration_invalid"
    status = 500

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems), fields={"problems": list(problems)})
        self.problems = problems


class OrganizationUnknown(Problem):
    """There is no organization of this slug. `portal organization create` prints the slug of the one it makes."""

    code = "organization_unknown"
    status = 404


class ImportRefused(Problem):
    """The file was not imported. Nothing was changed; each line to correct is named.

    `lines` are pairs of a line's number in the file (the header is line 1) and what is wrong with it.
    """

    code = "import_refused"
    status = 422

    def __init__(self, lines: tuple[tuple[int, str], ...]) -> None:
        named = [{"line": number, "message": message} for number, message in lines]
        super().__init__(f"{len(lines)} to correct", fields={"lines": named})
        self.lines = lines


class DatabaseNewer(Problem):
    """The database was made by a newer version of Reconsent. Install that version, or restore an older backup."""

    code = "database_newer"
    status = 500

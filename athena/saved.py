"""Reports as saved queries, which analysts find in the Athena console: complete statements over the last seven days.

In the console nobody gives eight parameters by place. So each ``?`` is an expression here: the period is this day and
the seven before it, everything else has its default, and whoever wants another period changes the numbers they see.
Athena works such expressions out before it looks for partitions, so these prune like the reports do.
"""

import json

from athena.render_params import fill
from athena.reports import Binding, Report

DAYS = 7


def saved_query(report: Report) -> str:
    """The report's statement with an expression for each of its parameters, under a comment that says what it answers.

    >>> from athena.reports import load
    >>> print("\\n".join(saved_query(load("actions_by_hour")).splitlines()[:3]))
    -- How much content came in each hour, and what was done with it?
    -- The period is the last 7 days and this one, in UTC. For others change the numbers of days.
    SELECT
    """
    comments = [
        report.question,
        f"The period is the last {DAYS} days and this one, in UTC. For others change the numbers of days.",
    ]
    for parameter in report.parameters:
        if parameter.type == "choice":
            others = ", ".join(option for option in parameter.options if option != parameter.default)
            comments.append(f"Instead of {parameter.default} ({parameter.meaning}): {others}.")
    return "\n".join(f"-- {line}" for line in comments) + f"\n{fill(report, moment)}"


def moment(binding: Binding) -> str:
    """The SQL for a moment or a day, counted from this day.

    >>> moment(Binding("since")), moment(Binding("until", day="last_day"))
    ("current_date - INTERVAL '7' DAY", "date_format(current_date, '%Y-%m-%d')")
    """
    # Until is the end of this day: the period and the one before it are whole days, eight of them.
    days = -1 if binding.name == "until" else DAYS
    days += binding.days + (DAYS + 1 if binding.previous else 0) + (binding.day == "last_day")
    at = "current_date" if not days else f"current_date {'-' if days > 0 else '+'} INTERVAL '{abs(days)}' DAY"
    return f"date_format({at}, '%Y-%m-%d')" if binding.day else at


def template_lines(reports: list[Report], *, database: str, workgroup: str, indent: int) -> str:
    """The saved queries as resources of the AWS template, as lines of its YAML.

    Args:
        reports: in order.
        database, workgroup: logical ids of the Glue database and the workgroup.
        indent: how many spaces each resource's line begins with.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-athena-namedquery.html
    """
    pad = " " * indent
    resources = []
    for report in reports:
        logical = "".join(word.capitalize() for word in report.name.split("_"))
        statement = "".join(f"{pad}      {line}\n" if line else "\n" for line in saved_query(report).splitlines())
        resources.append(
            f"{pad}{logical}Query:\n{pad}  Type: AWS::Athena::NamedQuery\n{pad}  Properties:\n"
            f"{pad}    Database: !Ref {database}\n{pad}    WorkGroup: !Ref {workgroup}\n"
            f"{pad}    Name: {json.dumps(f'{report.name}: {report.title}')}\n"
            f"{pad}    Description: {json.dumps(report.question)}\n"
            f"{pad}    QueryString: |-\n{statement}"
        )
    return "\n".join(resources)

"""The portal's tables as Django sees them; it makes none of them."""

from django.db import models


class Member(models.Model):
    """A person."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=120)
    email = models.CharField(max_length=254)
    team = models.CharField(max_length=80, null=True)

    class Meta:
        managed = False
        db_table = "members"

    def __str__(self) -> str:
        return str(self.name)


class Connection(models.Model):
    """A connection."""

    id = models.UUIDField(primary_key=True)
    member = models.ForeignKey(Member, models.DO_NOTHING)
    provider_id = models.CharField(max_length=60)
    nickname = models.CharField(max_length=60)
    state = models.CharField(max_length=32)
    consent_expires_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "connections"

    def __str__(self) -> str:
        return str(self.nickname)

"""Who runs a programme."""

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from .store import Store


class UserManager(BaseUserManager["User"]):
    def create_user(self, email, password=None, **fields):
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email, password=None, **fields):
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email):
        return self.get(email__iexact=email)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. What they may do is said per store, by StaffMember."""

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("may open the support admin", default=False)
    date_joined = models.DateTimeField(default=timezone.now)

    objects = UserManager()
    USERNAME_FIELD = EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    audited = ("__str__", "email", "is_active", "is_staff")

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="stores_user_email_ignores_case")]

    def __str__(self):
        return self.email

    def get_short_name(self):
        return self.name or self.email.split("@")[0]

    @property
    def memberships(self) -> "models.QuerySet[StaffMember]":
        """Their roles, each with its store."""
        return self.staff_memberships.select_related("store")

    @property
    def supported_stores(self) -> "models.QuerySet[Store]":
        """Those that the support admin shows them: every store to a superuser, else where they work."""
        return Store.objects.all() if self.is_superuser else Store.objects.filter(staff__user=self)


class StaffMember(models.Model):
    """A user's role in one store. Reached through `user.staff_memberships`, so a stranger finds nothing."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        MANAGER = "manager", "Manager"
        SUPPORT = "support", "Support"
        VIEWER = "viewer", "Viewer"

    store = models.ForeignKey(Store, models.CASCADE, related_name="staff")
    user = models.ForeignKey(User, models.CASCADE, related_name="staff_memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    audited = ("__str__", "role")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "user"], name="stores_staffmember_one_role_each")]

    def __str__(self):
        return f"{self.user}: {self.get_role_display()} of {self.store}"

    @property
    def can_edit(self) -> bool:
        """May change how the programme works: rules, connections, settings."""
        return self.role in (self.Role.OWNER, self.Role.MANAGER)

    @property
    def can_support(self) -> bool:
        """May help a customer: adjust a balance, approve or decline an activity."""
        return self.can_edit or self.role == self.Role.SUPPORT

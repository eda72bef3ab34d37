"""How much natural discourse a corpus asks for, told as soon as it is known."""

from dataclasses import dataclass

from alignment_pretraining.core.errors import UserError


@dataclass(frozen=True)
class DiscourseSupply:
    """`available` bytes of natural discourse, which are to be `share` of a corpus."""

    share: float
    available: int

    def wanted(self, base_bytes: int) -> int:
        """Bytes of discourse beside so many of the base corpus."""
        return round(base_bytes * self.share / (1 - self.share))

    def check(self, base_bytes: int) -> None:
        """Refuse a base corpus of which there is too much.

        Raises:
            UserError: there is not enough discourse; names both sizes.
        """
        if self.available < self.wanted(base_bytes):
            raise UserError(
                f"corpus.natural_discourse_share {self.share} asks for {self.wanted(base_bytes):,} bytes of natural "
                f"discourse, but there are {self.available:,}: lower the share, or raise "
                "synthesis.natural_discourse.count"
            )

    def check_reading(self, read_bytes: int) -> None:
        """The same of a corpus that is still being read, of which as much as half may yet turn out to be repeats."""
        self.check(read_bytes // 2)

"""The use cases: one public function is one transaction, and whoever asks comes first."""

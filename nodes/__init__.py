"""A department's side: the resource node (provider) and the SDK that its systems use (consumer)."""

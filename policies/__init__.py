"""Pure rules: vocabulary, identifiers, agreements, forms and the Cedar bundle that decides every field."""

"""The routing table: rules as products of sets, indexed and analysed exactly."""

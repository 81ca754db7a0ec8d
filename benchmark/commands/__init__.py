"""Commands that look at what the stages wrote. They are no stages: nothing later reads what they write."""

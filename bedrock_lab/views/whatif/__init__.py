"""The what-if panel: scenarios of a plan, moved by sliders, by code or from a file, answered by the planner itself."""

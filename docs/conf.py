"""Settings of the site; ``make docs`` writes the reference first and then builds it."""

project = "bedrock_lab"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "bedrock_lab"
html_extra_path = ["reference/pages"]
exclude_patterns = ["_build", "reference/pages"]
myst_heading_anchors = 3
napoleon_google_docstring = False
napoleon_use_ivar = True
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
maximum_signature_line_length = 100
# no picture, script or font of another host: the site opens from disk as a report does
html_theme_options = {"top_of_page_buttons": []}

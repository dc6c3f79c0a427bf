"""The work of render: notebooks executed, figures drawn, one page written."""

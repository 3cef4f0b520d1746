"""The book as one PDF: `make pdf`, after `make book`, with xelatex. The result lies beside the pages of the site."""

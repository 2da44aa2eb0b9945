"""The job: a TOML file that shapes a source, or a bare data file; read, checked, and then left as it is."""

from bulkseg.job.job import Job
from bulkseg.job.limits import Count, Limits, Share
from bulkseg.job.loading import load_job, named_files, with_source

__all__ = ["Count", "Job", "Limits", "Share", "load_job", "named_files", "with_source"]

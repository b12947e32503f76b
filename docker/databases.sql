-- PostgreSQL makes the database `prefect` itself; MLflow gets its own.
CREATE DATABASE mlflow;

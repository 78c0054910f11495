"""The sources beside the client credentials grant."""

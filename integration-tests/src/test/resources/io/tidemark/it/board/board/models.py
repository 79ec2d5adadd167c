from django.conf import settings
from django.db import models


class Note(models.Model):
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    slug = models.SlugField(unique=True)
    text = models.TextField()
    file_name = models.CharField(max_length=100, blank=True)
    content = models.BinaryField(blank=True)
    created = models.DateTimeField(auto_now_add=True)

app_name = "earning"
urlpatterns: list = []
